/* Sends the answer on at once; without JavaScript the agent presses the button. */
document.getElementById("cerbere-retour").submit();
