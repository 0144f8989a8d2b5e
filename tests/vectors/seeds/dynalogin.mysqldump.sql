-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
/*!40101 SET NAMES utf8 */;
DROP TABLE IF EXISTS `dynalogin_user`;
CREATE TABLE `dynalogin_user` (
  `id` int NOT NULL AUTO_INCREMENT,
  `userid` varchar(32) NOT NULL,
  `secret` varchar(32) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;
LOCK TABLES `dynalogin_user` WRITE;
INSERT INTO `dynalogin_user` VALUES (1,'camille.durand','TOTP','invented-secret-0001',0,0,0,NULL,NULL,NULL,NULL),(2,'dominique.morel','TOTP','invented-secret-0002',7,1,0,'2026-11-02 08:14:05','2026-11-02 08:14:05','492039',''),(3,'sasha.petit','HOTP','invented-secret-0003',0,0,0,NULL,NULL,NULL,NULL),(4,'locked.agent','TOTP','invented-secret-0004',0,9,1,NULL,NULL,NULL,NULL),(5,'prefix.agent','TOTP','invented-secret-0005',0,0,0,NULL,NULL,NULL,'12),(34'),(6,'back.slash','TOTP','invented\\secret',0,0,0,NULL,NULL,NULL,NULL),(7,'no.secret','TOTP',NULL,0,0,0,NULL,NULL,NULL,NULL);
UNLOCK TABLES;
